//! Thrift clients and servers generated from `idl/` at build time.

mod generated {
    include!(concat!(env!("OUT_DIR"), "/volo_gen.rs"));
}

pub use generated::volo_gen::*;
