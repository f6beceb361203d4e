//! Stock services.
