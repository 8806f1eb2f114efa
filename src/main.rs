//! The binary: everything is in the library.

use std::process::ExitCode;

/// A message's way is many small allocations, most of them the tree's copied nodes: against the C library's allocator
/// this one mostly took a quarter less processor time for a received message (`wasup bench messages --by phones`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    wasup::cli::run().into()
}
