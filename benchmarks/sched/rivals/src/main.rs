//! Rivals in Rust: --contestant=tokio, tokio_local or rayon.

mod driver;
mod rayon_cases;
mod tokio_cases;
mod workloads;

fn main() {
    driver::run_contestant(&[
        ("rayon", rayon_cases::CASES),
        ("tokio", tokio_cases::CASES),
        ("tokio_local", tokio_cases::LOCAL_CASES),
    ]);
}
