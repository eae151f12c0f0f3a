//! The one place where a Thrift server or client is put together.
