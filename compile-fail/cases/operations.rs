// All that controllers can do, on whatever they are given: the same lines for the handles with which
// they must not compile, and for those with which they must.

#[allow(unused_macros)]
macro_rules! operate {
    ($handle:expr) => {
        let _ = $handle.force_open();
        let _ = $handle.disable();
        let _ = $handle.observe_only();
        let _ = $handle.release();
        let _ = $handle.trip();
        let _ = $handle.trip_for(std::time::Duration::ZERO);
        let _ = $handle.half_open();
        let _ = $handle.half_open_from(0);
        let _ = $handle.reset();
        let _ = $handle.postpone(std::time::Duration::ZERO);
        let _ = $handle.postpone_in(0, std::time::Duration::ZERO);
        let _ = $handle.reconfigure(|rules| rules);
    };
}

#[allow(unused_macros)]
macro_rules! operate_all {
    ($registry:expr) => {
        let _ = $registry.on(&7, |one| one.trip());
        let _ = $registry.reconfigure(&7, |rules| rules);
        let _ = $registry.forget(&7);
        let _ = $registry.force_open_all();
        let _ = $registry.disable_all();
        let _ = $registry.observe_only_all();
        let _ = $registry.release_all();
        let _ = $registry.reset_all();
        let _ = $registry.trip_all();
        let _ = $registry.trip_all_for(std::time::Duration::ZERO);
        let _ = $registry.half_open_all();
        let _ = $registry.reconfigure_all(|rules| rules);
        let _ = $registry.retemplate(|_| tripcoil::Breaker::builder("other"));
    };
}
