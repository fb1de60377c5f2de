//! The figures: each sin, committed without any engine, is seen by the figure named for it and by no other.

mod edges;
mod excuses;
mod scribe;
mod sins;
