//! The API as a caller sees it, through the router in process.

mod authority;
mod orders;
mod stage;
