//! With the right handle each of the lines compiles: what fails elsewhere fails for the handle's sake.

include!("operations.rs");

use tripcoil::registry::RegistryController;
use tripcoil::Controller;
use tripcoil::classify::ErrIsFailure;

fn one(controller: &Controller) {
    operate!(controller);
}

fn all(controller: &RegistryController<u32, ErrIsFailure>) {
    operate_all!(controller);
}

fn main() {
    let (_, controller) = tripcoil::Breaker::builder("one").build_with_controller().unwrap();
    one(&controller);
    let registry = tripcoil::registry::Registry::builder(|_: &u32| tripcoil::Breaker::builder("all"));
    all(&registry.build_with_controller().1);
}
