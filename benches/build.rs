//! Generates the Thrift code of the floor and of the hop; what the hop answers is written as JSON.

fn main() {
    if let Err(error) = volo_build::ConfigBuilder::default().plugin(volo_build::plugin::SerdePlugin).write() {
        eprintln!("volo.yml: {error}");
        std::process::exit(1);
    }
}
