//! A target under libFuzzer: the one that the environment variable STATOR_FUZZ_TARGET names.
//!
//! Built by `.ci/fuzz` with the compiler's pass that counts edges; everything else is libFuzzer's.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use stator_fuzz::{Meter, TARGETS, Target};

thread_local! {
    static METER: RefCell<Meter> = RefCell::new(Meter::new(target()));
}

fn target() -> &'static Target {
    let name = std::env::var("STATOR_FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("STATOR_FUZZ_TARGET names no target: {name:?}"))
}

fuzz_target!(|input: &[u8]| {
    METER.with_borrow_mut(|meter| {
        if let Err(finding) = meter.run(input) {
            panic!("{finding}");
        }
    });
});
