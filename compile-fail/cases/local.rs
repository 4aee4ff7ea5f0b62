include!("operations.rs");

fn operator(handle: &tripcoil::Local) {
    operate!(handle);
}

fn main() {}
