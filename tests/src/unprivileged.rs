//! What root starts without root's privileges, as the same user: another one might not reach a binary in root's home.

use std::thread;

use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities, set_capabilities,
    set_capabilities_secure_bits,
};

/// Runs this in a thread that has no capability, and whose child processes get none.
pub fn unprivileged<T: Send>(start: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            give_up_capabilities();
            start()
        });
        thread.join().expect("the thread succeeds")
    })
}

/// Of this thread alone; capabilities(7): they are "a per-thread attribute".
fn give_up_capabilities() {
    if capabilities(None).expect("our capabilities").effective.is_empty() {
        return;
    }
    // Else root's user id would bring all of them back with the next `execve`.
    set_capabilities_secure_bits(CapabilitiesSecureBits::NO_ROOT).expect("root may set it");
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, sets).expect("giving up is allowed");
}
