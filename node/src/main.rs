//! The binary. Everything is in the library of the same name.

use std::ffi::c_long;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the allocator keeps memory that is free before the system gets it back, in milliseconds. Its own default of
/// a second (ten for whole arenas) adds a third to the peak of a run; an environment variable of its own wins.
const PURGE_DELAY: c_long = 10;
/// `mi_option_purge_delay` of mimalloc 3 (include/mimalloc.h); the bindings do not name it.
const OPTION_PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

#[allow(unsafe_code)]
fn give_memory_back_early() {
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: it only stores an integer, and there is no other thread yet.
        unsafe { libmimalloc_sys::mi_option_set(OPTION_PURGE_DELAY, PURGE_DELAY) };
    }
}

fn main() -> ExitCode {
    give_memory_back_early();
    actix_etl::run_command_line(std::env::args_os())
}
