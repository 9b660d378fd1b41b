//! What the fuzz targets check: one function for each.

mod differential;
mod harness;

pub use differential::tungstenite;
pub use harness::*;
