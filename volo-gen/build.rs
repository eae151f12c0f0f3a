fn main() {
    volo_build::ConfigBuilder::default().write().expect("the IDL files in idl/ are valid");
}
