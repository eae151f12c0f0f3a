//! How a call chooses its instance.
