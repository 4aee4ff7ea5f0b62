include!("operations.rs");

fn operator(handle: &tripcoil::OwnedPermit) {
    operate!(handle);
}

fn main() {}
