include!("operations.rs");

fn operator(handle: &tripcoil::registry::Registry<u32>) {
    operate_all!(handle);
    operate!(handle);
}

fn main() {}
