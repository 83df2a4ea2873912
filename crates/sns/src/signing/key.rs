//! The RSA key of the server. It has 2,048 bits and a private exponent of three, so that signing takes less than a microsecond.
//! For a verifier it is a key like any other. It is no secret: the signatures of a local server only show that they are made as AWS makes
//! them.
//!
//! The primes of the modulus (109, none of them below 751) are those `p` for which `p - 1` divides `3 · EXPONENT - 1`, so that cubing
//! is the inverse of raising to the public exponent. <https://www.rfc-editor.org/rfc/rfc8017#section-3.2>: RSA with more than two primes.

/// The words of the modulus.
const WORDS: usize = 32;
/// The words of the longest digest, SHA-256.
const DIGEST_WORDS: usize = 4;

/// The least significant word first.
type Number = [u64; WORDS];

/// The public exponent. It is below 2^31, the largest that Go's verifier takes.
#[cfg(test)]
pub const EXPONENT: u32 = 2_087_418_667;
/// The modulus, the most significant word first.
#[rustfmt::skip]
const BIG_ENDIAN: Number = [
    0xff24_7574_8223_1792, 0x21bb_f627_ff34_bd6b, 0x97c8_bd29_529b_0147, 0x1083_33de_5333_2e72,
    0x2363_4ff4_0e42_5e1b, 0x2f15_2f7e_9c76_5bc9, 0x12a2_239c_d52b_14a0, 0x1082_e643_701b_adb3,
    0x1871_3b06_fd85_94a4, 0x953b_5311_f2d7_0be6, 0x018a_f40e_b1ca_cdad, 0x1032_5ccf_1d44_4bf5,
    0x13ad_6fad_7262_a9ae, 0x29c0_2125_9ff1_bcd8, 0xf28d_40ff_8431_47f4, 0x84b6_678d_cf31_0242,
    0xf7a4_8b35_29be_6312, 0xd31a_5b81_01c5_b45e, 0xf2ff_4218_2e7f_58ae, 0x0025_998c_3c48_7f34,
    0x678e_248a_4c6d_c5bc, 0x07e1_6795_f09d_a6d7, 0x2545_e6be_d87a_b5ae, 0xe84d_d5ff_96b5_880e,
    0xd8a1_5945_cf44_7334, 0xb12d_75e0_9809_d754, 0xa2e5_b4ef_1e03_8970, 0x713c_4886_d76b_f73f,
    0x4bb3_e666_e482_2340, 0x3cc3_458b_c8cd_bbc9, 0x83c0_4838_2b00_145d, 0xdf66_f387_51ac_22ff,
];
const MODULUS: Number = number(&BIG_ENDIAN);
/// `-1 / MODULUS`, modulo 2^64.
const INVERSE: u64 = {
    // Newton: every step doubles the bits that are right.
    let [least, ..] = MODULUS;
    let (mut inverse, mut step) = (1u64, 0);
    while step < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(least.wrapping_mul(inverse)));
        step += 1;
    }
    inverse.wrapping_neg()
};

const fn number(big_endian: &Number) -> Number {
    let mut number = *big_endian;
    number.as_mut_slice().reverse();
    number
}

/// Signs digests of one algorithm: RSASSA-PKCS1-v1_5. <https://www.rfc-editor.org/rfc/rfc8017#section-8.2>
///
/// A padded message is a fixed part `p` and the digest `d`. Its cube is `p³ + d (3p² + d (3p + d))`: three multiplications by the few
/// words of a digest.
#[derive(Debug)]
pub struct Padding {
    /// `p³`, `3p² · r` and `3p · r²`, where `r` is what multiplying by a digest divides by (see [`times`]).
    cube: Number,
    square: Number,
    plain: Number,
}

impl Padding {
    /// For a digest of so many bytes, and what a `DigestInfo` has before it.
    /// <https://www.rfc-editor.org/rfc/rfc8017#section-9.2>
    pub fn of(info: &[u8], digest: usize) -> Padding {
        let filled = (WORDS * 8).saturating_sub(3 + info.len() + digest);
        let before = [0, 1].into_iter().chain(std::iter::repeat_n(0xff, filled)).chain([0]);
        let bytes: Vec<u8> = before.chain(info.iter().copied()).chain(std::iter::repeat_n(0, digest)).collect();
        let p = words(&bytes);
        let triple = plus(&p, &plus(&p, &p));
        Padding {
            cube: product(&p, &product(&p, &p)),
            square: product(&product(&triple, &p), &power_of_two(DIGEST_WORDS)),
            plain: product(&triple, &power_of_two(2 * DIGEST_WORDS)),
        }
    }

    pub fn sign(&self, digest: &[u8]) -> [u8; WORDS * 8] {
        let digest: [u64; DIGEST_WORDS] = words(digest);
        // The digest times r²: a term of the sum, shifted like the others.
        let mut shifted = [0; WORDS];
        if let Some(place) = shifted.get_mut(2 * DIGEST_WORDS..3 * DIGEST_WORDS) {
            place.copy_from_slice(&digest);
        }
        let square = plus(&self.plain, &shifted);
        let cube = plus(&self.square, &times(&square, &digest));
        let signature = plus(&self.cube, &times(&cube, &digest));
        let mut bytes = [0; WORDS * 8];
        for (place, word) in bytes.chunks_exact_mut(8).zip(signature.iter().rev()) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

/// A number from its bytes, the most significant first.
fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.rchunks(8)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    words
}

/// `2^64` to the power of `words`.
fn power_of_two(words: usize) -> Number {
    let mut number = [0; WORDS];
    if let Some(word) = number.get_mut(words) {
        *word = 1;
    }
    number
}

fn product(a: &Number, b: &Number) -> Number {
    // 2^4096, which cancels the two divisions.
    let undo = (0..WORDS * 64 + 64).fold(power_of_two(WORDS - 1), |power, _| plus(&power, &power));
    times(&times(a, b), &undo)
}

/// `a · b / 2^(64 · the words of b)`, modulo the modulus: <https://doi.org/10.1090/S0025-5718-1985-0777282-X>, Montgomery.
fn times(a: &Number, b: &[u64]) -> Number {
    let mut sum = [0; 2 * WORDS + 1];
    let mut rest = sum.as_mut_slice();
    for word in b {
        add(rest, a, *word);
        let factor = rest.first().map_or(0, |least| least.wrapping_mul(INVERSE));
        // Makes the least significant word zero.
        add(rest, &MODULUS, factor);
        rest = rest.get_mut(1..).unwrap_or_default();
    }
    let mut number = [0; WORDS];
    let mut sum = rest.iter();
    for (word, sum) in number.iter_mut().zip(sum.by_ref()) {
        *word = *sum;
    }
    reduced(number, sum.next().is_some_and(|over| *over > 0))
}

fn plus(a: &Number, b: &Number) -> Number {
    let (mut sum, mut carry) = ([0; WORDS], false);
    for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
        (*sum, carry) = a.carrying_add(*b, carry);
    }
    reduced(sum, carry)
}

/// A number below twice the modulus, modulo the modulus. `over`: it has one more bit than its words.
fn reduced(mut number: Number, over: bool) -> Number {
    if over || number.iter().rev().ge(MODULUS.iter().rev()) {
        let mut borrow = false;
        for (word, less) in number.iter_mut().zip(&MODULUS) {
            (*word, borrow) = word.borrowing_sub(*less, borrow);
        }
    }
    number
}

/// `sum += number · factor`. The sum is long enough for the result.
fn add(sum: &mut [u64], number: &Number, factor: u64) {
    let mut carry = 0;
    let Some((words, rest)) = sum.split_first_chunk_mut::<WORDS>() else { return };
    for (digit, word) in number.iter().zip(words) {
        (*word, carry) = digit.carrying_mul_add(factor, *word, carry);
    }
    for word in rest {
        let over;
        (*word, over) = word.overflowing_add(carry);
        carry = u64::from(over);
        if !over {
            break;
        }
    }
}

/// `RSAPublicKey` in DER.
#[cfg(test)]
pub fn public() -> Vec<u8> {
    let modulus = BIG_ENDIAN.iter().flat_map(|word| word.to_be_bytes());
    let head = [0x30, 0x82, 0x01, 0x0b, 0x02, 0x82, 0x01, 0x01, 0x00];
    head.into_iter().chain(modulus).chain([0x02, 0x04]).chain(EXPONENT.to_be_bytes()).collect()
}
