//! Object storage for pictures and videos, probing, covers.
