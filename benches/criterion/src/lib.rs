//! Benches of framewise with criterion: see the folder `benches`.
