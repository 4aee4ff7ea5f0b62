//! Guards calls without std. It brings what std would: an allocator, a panic handler, an entry. So
//! if anything in the crate pulled std in, there would be two of each, and no program.
#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::time::Duration;
use tripcoil::{Breaker, CallError, Cause, ConfigError, HalfOpen, ManualClock, State, Window};

#[link(name = "c")]
unsafe extern "C" {
    fn aligned_alloc(align: usize, size: usize) -> *mut u8;
    fn free(block: *mut u8);
    fn abort() -> !;
}

struct FromC;

// SAFETY: C's allocator gives blocks of the size and the alignment asked for, and takes them back.
unsafe impl GlobalAlloc for FromC {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let whole = layout.pad_to_align();
        // SAFETY: the alignment is a power of two and divides the size.
        unsafe { aligned_alloc(whole.align(), whole.size()) }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the block is one of `alloc`'s.
        unsafe { free(block) }
    }
}

#[global_allocator]
static ALLOCATOR: FromC = FromC;

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it takes nothing and does not return.
    unsafe { abort() }
}

/// `alloc` as it is shipped can unwind, and so names the two entries of the unwinder; nothing here
/// unwinds, and nobody calls them.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {
    // SAFETY: it takes nothing and does not return.
    unsafe { abort() }
}

/// The other one.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() {
    // SAFETY: it takes nothing and does not return.
    unsafe { abort() }
}

/// A breaker trips, waits, probes and closes; there is no clock but the user's own.
fn story() -> Result<bool, ConfigError> {
    assert!(Breaker::builder("clockless").build().is_err());
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("sensor")
        .window(Window::time(Duration::from_secs(10)).buckets(10))
        .clock(&clock)
        .consecutive_failures(2)
        .open_for(Duration::from_secs(5))
        .half_open(HalfOpen::successes(1))
        .build_with_controller()?;
    let local = breaker.local();
    let _ = breaker.call(|| Err::<(), u8>(1));
    let _ = local.call(|| Err::<(), u8>(2));
    let open = breaker.state() == State::Open;
    let rejected = matches!(
        breaker.call(|| Ok::<_, u8>(())),
        Err(CallError::Rejected(_))
    );
    clock.advance(Duration::from_secs(5));
    let closed = local.call(|| Ok::<_, u8>(3)) == Ok(3) && breaker.state() == State::Closed;
    let history = breaker.observer().history();
    let told = history.len() == 3 && history[0].cause == Cause::ConsecutiveFailures;
    Ok(open && rejected && closed && told && controller.force_open())
}

#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    i32::from(!matches!(story(), Ok(true)))
}
