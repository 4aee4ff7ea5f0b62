//! Any bits are a packed word, and give back what was put in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tripcoil::fuzzing::words;

fuzz_target!(|numbers: [u64; 3]| {
    let [a, b, c] = numbers;
    words(a, b, c);
});
