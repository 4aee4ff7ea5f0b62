include!("operations.rs");

fn operator(handle: &tripcoil::Observer) {
    operate!(handle);
}

fn main() {}
