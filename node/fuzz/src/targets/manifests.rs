//! Files of manifests.

/// A file, read and compared with itself.
pub(crate) fn read(input: &[u8]) {
    match stator_admin::read("fuzz.yaml", input) {
        Ok(manifests) => {
            let unique = stator_admin::check_unique(&manifests);
            if let [_, ..] = manifests.as_slice() {
                let twice = [manifests.as_slice(), manifests.as_slice()].concat();
                assert!(stator_admin::check_unique(&twice).is_err(), "a table stands twice");
            } else {
                assert!(unique.is_ok());
            }
        }
        Err(error) => assert!(error.to_string().len() <= 2 * input.len() + 4096),
    }
}
