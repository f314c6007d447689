//! `cargo bench --package bench`: the loop alone.

#[path = "../src/bin/machine.rs"]
mod machine;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    machine::main()
}
