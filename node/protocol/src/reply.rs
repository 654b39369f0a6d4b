//! What every reply carries in its head: an id and a checksum.

/// 32 digits of five bits each would be enough for letters and digits; the service uses these.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
/// Characters of a request id.
const ID_CHARS: usize = 52;

/// `x-amzn-RequestId`: 52 characters, made of 256 random bits.
pub fn request_id(random: &[u8; 32]) -> String {
    let mut id = Vec::with_capacity(ID_CHARS);
    let (mut pending, mut bits) = (0_u32, 0_u32);
    for &byte in random {
        pending = (pending << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            id.push(digit(pending >> bits));
        }
    }
    // 256 bits are 51 digits and one bit.
    id.push(digit(pending << (5 - bits)));
    String::from_utf8(id).expect("the alphabet is ASCII")
}

fn digit(bits: u32) -> u8 {
    let at = (bits & 31) as usize;
    ALPHABET.get(at).copied().unwrap_or(b'0')
}

/// `x-amz-crc32`: CRC-32 (IEEE) of the body. SDKs send the request again if it does not match.
pub fn crc32(body: &[u8]) -> u32 {
    crc32fast::hash(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_have_52_capital_letters_and_digits_and_use_every_bit() {
        let zero = request_id(&[0; 32]);
        assert_eq!(zero, "0".repeat(52));
        for bit in 0..256 {
            let mut random = [0_u8; 32];
            random[bit / 8] = 1 << (bit % 8);
            let id = request_id(&random);
            assert_eq!(id.len(), 52);
            assert!(id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()));
            assert_ne!(id, zero, "bit {bit} is not in the id");
        }
    }

    #[test]
    fn checksum_is_the_one_that_the_service_sends() {
        // From a captured reply of the service to an unknown path.
        assert_eq!(crc32(b"<UnknownOperationException/>\n"), 3_552_371_480);
    }
}
