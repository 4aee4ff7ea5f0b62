include!("operations.rs");

fn operator(handle: &tripcoil::Permit<'_>) {
    operate!(handle);
}

fn main() {}
