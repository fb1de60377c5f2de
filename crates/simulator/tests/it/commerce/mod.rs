//! New commerce as a caller sees it: the catalogue, carts and checkouts, the life of what was bought, and what stops a purchase.

mod carts;
mod catalogue;
mod faults;
mod judged;
mod life;
mod readings;
mod shop;
mod stops;
mod worlds;
