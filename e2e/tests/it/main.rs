//! End-to-end tests: the real binary, the real clients, the real disk.

mod clients;
mod crash;
mod damage;
mod disk;
mod errors;
mod items;
mod limits;
mod local_indexes;
mod manifests;
mod pages;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod power_loss;
mod random_operations;
mod table_settings;
mod tables;
mod tour;
mod traffic;
