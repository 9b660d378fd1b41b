//! What the fuzz targets check: one function for each.

#[cfg(test)]
mod corpus;
mod differential;
mod harness;

pub use differential::tungstenite;
pub use harness::*;
