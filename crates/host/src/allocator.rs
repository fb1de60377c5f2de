//! The allocator of every program that is built on this crate.
//!
//! A migration is some hundred small JSON texts that live for a millisecond, made by one thread and dropped by another. The
//! system's allocator spends a quarter of a service's processor time on that, and keeps what its arenas have once held.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
