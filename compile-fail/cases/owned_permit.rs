include!("operations.rs");

fn operator(handle: &tripcoil::call::OwnedPermit) {
    operate!(handle);
}

fn main() {}
