//! Tests of framewise against the original zlib.
