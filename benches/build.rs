//! Generates the floor's Thrift code.

fn main() {
    if let Err(error) = volo_build::ConfigBuilder::default().write() {
        eprintln!("idl/floor.thrift: {error}");
        std::process::exit(1);
    }
}
