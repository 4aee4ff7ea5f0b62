include!("operations.rs");

fn operator(handle: &tripcoil::Subscription) {
    operate!(handle);
}

fn main() {}
