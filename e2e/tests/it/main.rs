//! End-to-end tests: the real binary, the real clients, the real disk.

mod clients;
mod crash;
mod damage;
mod errors;
mod items;
mod manifests;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod pages;
mod power_loss;
mod random_operations;
mod tables;
mod tour;
mod traffic;
