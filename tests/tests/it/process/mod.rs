//! The real binary, as processes: a simulated Partner Center in one, the engine in another that is killed.

mod there_and_back;
