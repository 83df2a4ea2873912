//! An RSA key of 2,048 bits that signs in microseconds, because its modulus is the product of thirty-two small primes instead of two
//! large ones. To who verifies it is a key like any other. To who wants to forge it is no obstacle: the signatures of a local server
//! prove nothing but that they are made as AWS makes them.
//! <https://www.rfc-editor.org/rfc/rfc8017#section-3.2>: RSA with more than two primes; the results are put together by the Chinese
//! remainder theorem.

use cloudlet_engine::Ids;

/// Primes of the modulus, each as long as a machine word.
const PRIMES: usize = 32;
const EXPONENT: u64 = 65_537;
/// The words of a padded message in which messages can differ: the last ones. Those before are the same for all.
const OWN_WORDS: usize = 7;
/// The longest `DigestInfo` that leaves the other words alone: that of SHA-256 is 51 bytes long.
const INFO: usize = OWN_WORDS * 8 - 1;

/// Arithmetic modulo an odd number above 2^63, on numbers in Montgomery's form: `x` stands for `x · 2^64`.
#[derive(Clone, Copy, Debug)]
struct Field {
    modulus: u64,
    /// `1 / modulus`, modulo 2^64.
    inverse: u64,
    /// `2^64` and `2^128`, modulo the modulus.
    one: u64,
    square: u64,
}

impl Field {
    fn of(modulus: u64) -> Field {
        // Newton: every step doubles the bits that are right.
        let inverse = (0..6).fold(1u64, |inverse, _| inverse.wrapping_mul(2u64.wrapping_sub(modulus.wrapping_mul(inverse))));
        let one = modulus.wrapping_neg();
        let square = (u128::from(one) * u128::from(one) % u128::from(modulus)) as u64;
        Field { modulus, inverse, one, square }
    }

    fn times(&self, a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        // The multiple of the modulus with the same lower word; what is left of the difference is the upper one.
        let factor = (product as u64).wrapping_mul(self.inverse);
        let multiple = u128::from(factor) * u128::from(self.modulus);
        let (high, under) = ((product >> 64) as u64).overflowing_sub((multiple >> 64) as u64);
        if under { high.wrapping_add(self.modulus) } else { high }
    }

    fn minus(&self, a: u64, b: u64) -> u64 {
        if a >= b { a - b } else { a.wrapping_sub(b).wrapping_add(self.modulus) }
    }

    fn plus(&self, a: u64, b: u64) -> u64 {
        self.minus(a, if b == 0 { 0 } else { self.modulus - b })
    }

    /// Below the modulus, which no word exceeds twice.
    fn reduce(&self, number: u64) -> u64 {
        if number >= self.modulus { number - self.modulus } else { number }
    }

    /// `number · 2^64 + word`
    fn append(&self, number: u64, word: u64) -> u64 {
        self.plus(self.times(number, self.square), self.reduce(word))
    }

    fn enter(&self, number: u64) -> u64 {
        self.times(self.reduce(number), self.square)
    }

    fn leave(&self, number: u64) -> u64 {
        self.times(number, 1)
    }

    fn power(&self, base: u64, exponent: u64) -> u64 {
        (0..u64::BITS - exponent.leading_zeros()).rev().fold(self.one, |power, bit| {
            let power = self.times(power, power);
            if exponent >> bit & 1 == 1 { self.times(power, base) } else { power }
        })
    }

    /// By Fermat: the modulus is a prime.
    fn invert(&self, number: u64) -> u64 {
        self.power(number, self.modulus - 2)
    }

    /// Miller and Rabin's test with witnesses that leave no doubt below 2^64. <https://oeis.org/A014233>
    fn is_prime(&self) -> bool {
        let last = self.modulus - 1;
        let twos = last.trailing_zeros();
        let less = self.minus(0, self.one);
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].into_iter().all(|witness| {
            let mut power = self.power(self.enter(witness), last >> twos);
            power == self.one
                || power == less
                || (1..twos).any(|_| {
                    power = self.times(power, power);
                    power == less
                })
        })
    }
}

/// One prime of a key.
#[derive(Debug)]
struct Prime {
    field: Field,
    /// The private exponent, modulo the prime less one.
    exponent: u64,
    /// What the words are that all padded messages begin with, modulo the prime.
    padding: u64,
    /// The product of all other primes, in words, the least first; and its inverse, in Montgomery's form.
    others: Vec<u64>,
    inverse: u64,
}

#[derive(Debug)]
pub struct Key {
    primes: Vec<Prime>,
    /// Their product, in words, the least first.
    modulus: Vec<u64>,
}

impl Key {
    pub fn generate(ids: &Ids) -> Option<Key> {
        let mut numbers: Vec<u64> = Vec::with_capacity(PRIMES);
        // About one odd number in twenty-two is a prime; a key not found in so many tries is a bug.
        for _ in 0..PRIMES * 1_000 {
            let mut bytes = [0; 8];
            ids.fill_secret(&mut bytes);
            // Seven bits set at the top: so the product of all has every one of its 2,048 bits.
            let number = u64::from_be_bytes(bytes) | 0xfe << 56 | 1;
            let fits = (number - 1) % EXPONENT != 0 && !numbers.contains(&number);
            if fits && Field::of(number).is_prime() {
                numbers.push(number);
            }
            if numbers.len() == PRIMES {
                return Key::of(&numbers);
            }
        }
        None
    }

    /// The key of these primes.
    pub fn of(numbers: &[u64]) -> Option<Key> {
        if numbers.len() != PRIMES || numbers.iter().any(|number| number >> 57 != 0x7f) {
            return None;
        }
        let prime = |number: &u64| {
            let field = Field::of(*number);
            let others = || numbers.iter().filter(|other| *other != number);
            let rest = others().fold(field.one, |product, other| field.times(product, field.enter(*other)));
            let fixed = [0x0001_ffff_ffff_ffff].into_iter().chain([u64::MAX; PRIMES - OWN_WORDS - 1]);
            Prime {
                padding: fixed.fold(0, |rest, word| field.append(rest, word)),
                exponent: private(*number),
                others: product(others()),
                inverse: field.invert(rest),
                field,
            }
        };
        Some(Key { primes: numbers.iter().map(prime).collect(), modulus: product(numbers.iter()) })
    }

    pub fn numbers(&self) -> Vec<u64> {
        self.primes.iter().map(|prime| prime.field.modulus).collect()
    }

    /// `RSAPublicKey` in DER.
    pub fn public(&self) -> Vec<u8> {
        der(0x30, &[der_integer(&bytes(&self.modulus)), der_integer(&EXPONENT.to_be_bytes())].concat())
    }

    /// A number, given modulo each prime, raised to the private exponent. Four bits at a time, and all primes in step, so that the
    /// processor has thirty-two multiplications at hand that do not wait for each other.
    fn powers(&self, number: &[u64]) -> Vec<u64> {
        let table = |(Prime { field, .. }, number): (&Prime, &u64)| {
            let base = field.enter(*number);
            let mut powers = [field.one; 16];
            let mut last = field.one;
            for power in powers.iter_mut().skip(1) {
                last = field.times(last, base);
                *power = last;
            }
            powers
        };
        let tables: Vec<[u64; 16]> = self.primes.iter().zip(number).map(table).collect();
        let mut powers: Vec<u64> = self.primes.iter().map(|prime| prime.field.one).collect();
        for window in (0..16).rev() {
            for ((Prime { field, exponent, .. }, table), power) in self.primes.iter().zip(&tables).zip(&mut powers) {
                let fourth = (0..4).fold(*power, |power, _| field.times(power, power));
                let digit = usize::try_from(exponent >> (window * 4) & 15).unwrap_or_default();
                *power = field.times(fourth, table.get(digit).copied().unwrap_or(field.one));
            }
        }
        powers
    }

    /// The signature of a `DigestInfo`: RSASSA-PKCS1-v1_5. <https://www.rfc-editor.org/rfc/rfc8017#section-8.2>
    pub fn sign(&self, info: &[u8]) -> Vec<u8> {
        let mut own = [0xff; OWN_WORDS * 8];
        let (head, tail) = own.split_at_mut(OWN_WORDS * 8 - info.len().min(INFO));
        tail.copy_from_slice(info.get(..tail.len()).unwrap_or_default());
        if let Some(last) = head.last_mut() {
            *last = 0;
        }
        let mut message: Vec<u64> = self.primes.iter().map(|prime| prime.padding).collect();
        for word in own.chunks_exact(8) {
            let word = word.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            for (Prime { field, .. }, rest) in self.primes.iter().zip(&mut message) {
                *rest = field.append(*rest, word);
            }
        }
        bytes(&self.together(&self.powers(&message)))
    }

    /// The number below the modulus that is this one, in Montgomery's form, modulo each prime.
    fn together(&self, number: &[u64]) -> Vec<u64> {
        let mut sum = vec![0; PRIMES + 1];
        for (Prime { field, others, inverse, .. }, rest) in self.primes.iter().zip(number) {
            add(&mut sum, others, field.leave(field.times(*rest, *inverse)));
        }
        // Each of the thirty-two is below the modulus, so their sum holds it a few times.
        while let Some(times) = sum.last().copied().filter(|times| *times > 0) {
            take(&mut sum, &self.modulus, times);
        }
        sum.truncate(PRIMES);
        while sum.iter().rev().ge(self.modulus.iter().rev()) {
            take(&mut sum, &self.modulus, 1);
        }
        sum
    }
}

/// The inverse of the public exponent modulo a prime less one.
fn private(prime: u64) -> u64 {
    let (modulus, exponent) = (i128::from(prime - 1), i128::from(EXPONENT));
    let (mut a, mut b, mut x, mut y) = (modulus, exponent, 0i128, 1i128);
    while b != 0 {
        let quotient = a / b;
        (a, b) = (b, a % b);
        (x, y) = (y, x - quotient * y);
    }
    u64::try_from(x.rem_euclid(modulus)).unwrap_or_default()
}

/// The product of numbers, in words, the least first.
fn product<'n>(numbers: impl Iterator<Item = &'n u64>) -> Vec<u64> {
    numbers.fold(vec![1], |product, number| {
        let mut grown = vec![0; product.len() + 1];
        add(&mut grown, &product, *number);
        if grown.last() == Some(&0) {
            grown.pop();
        }
        grown
    })
}

/// `sum += number · factor`, in words, the least first; the sum has room for it.
fn add(sum: &mut [u64], number: &[u64], factor: u64) {
    let mut carry = 0;
    let mut words = sum.iter_mut();
    for (digit, word) in number.iter().zip(words.by_ref()) {
        let total = u128::from(*digit) * u128::from(factor) + u128::from(*word) + u128::from(carry);
        (*word, carry) = (total as u64, (total >> 64) as u64);
    }
    for word in words {
        let over;
        (*word, over) = word.overflowing_add(carry);
        carry = u64::from(over);
    }
}

/// `sum -= number · factor`, which it holds.
fn take(sum: &mut [u64], number: &[u64], factor: u64) {
    let mut borrow = 0;
    let mut words = sum.iter_mut();
    for (digit, word) in number.iter().zip(words.by_ref()) {
        let product = u128::from(*digit) * u128::from(factor) + u128::from(borrow);
        let under;
        (*word, under) = word.overflowing_sub(product as u64);
        borrow = (product >> 64) as u64 + u64::from(under);
    }
    for word in words {
        let under;
        (*word, under) = word.overflowing_sub(borrow);
        borrow = u64::from(under);
    }
}

/// Big-endian, as long as the key.
fn bytes(words: &[u64]) -> Vec<u8> {
    let missing = PRIMES.saturating_sub(words.len());
    let zeroes = std::iter::repeat_n(0, missing);
    zeroes.chain(words.iter().rev().copied()).flat_map(u64::to_be_bytes).collect()
}

/// An element of DER with its length.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        _ => {
            let length: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
            out.extend(length);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A number, from its big-endian bytes.
fn der_integer(bytes: &[u8]) -> Vec<u8> {
    let zeroes = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut bytes = bytes.get(zeroes..).unwrap_or_default().to_vec();
    if bytes.first().is_none_or(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    der(0x02, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn primes_are_told_from_what_only_looks_like_one() {
        for prime in [18_446_744_073_709_551_557, 18_446_744_073_709_551_533] {
            assert!(Field::of(prime).is_prime());
        }
        // The largest word, and two products of two large primes.
        for other in [u64::MAX, 4_294_967_291 * 4_294_967_279, 18_446_744_073_709_551_555] {
            assert!(!Field::of(other).is_prime());
        }
    }

    #[test]
    fn a_key_has_all_its_bits_and_is_the_same_again_from_its_primes() {
        let key = Key::generate(&Ids::seeded(3)).unwrap();
        let again = Key::of(&key.numbers()).unwrap();
        assert_eq!(key.public(), again.public());
        // SEQUENCE, INTEGER of 257 bytes with a leading zero, then the top byte of the modulus.
        assert_eq!(key.public()[4..9], [0x02, 0x82, 0x01, 0x01, 0x00]);
        assert!(key.public()[9] & 0x80 != 0);
        assert!(Key::of(&[3; PRIMES]).is_none());
    }

    proptest! {
        #[test]
        fn the_field_multiplies_as_slow_division_does(a: u64, b: u64, exponent in 0u64..50) {
            let modulus = 18_446_744_073_709_551_557;
            let field = Field::of(modulus);
            let (x, y) = (field.enter(a), field.enter(b));
            let slow = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(modulus)) as u64;
            prop_assert_eq!(field.leave(field.times(x, y)), slow(a % modulus, b % modulus));
            prop_assert_eq!(field.leave(field.power(x, exponent)), (0..exponent).fold(1, |power, _| slow(power, a % modulus)));
            if a % modulus != 0 {
                prop_assert_eq!(field.leave(field.times(x, field.invert(x))), 1);
            }
        }

        #[test]
        fn private_and_public_exponent_undo_each_other(number: u64) {
            let prime = 18_446_744_073_709_551_557;
            let field = Field::of(prime);
            let raised = field.power(field.enter(number), private(prime));
            prop_assert_eq!(field.leave(field.power(raised, EXPONENT)), number % prime);
        }
    }
}
