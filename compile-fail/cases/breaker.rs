include!("operations.rs");

fn operator(handle: &tripcoil::Breaker) {
    operate!(handle);
}

fn main() {}
