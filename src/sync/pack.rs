//! What fits one word.

/// A value that a [`Word`](crate::sync::atomic::Word) holds, or the payload of one.
///
/// `pack` undoes `unpack` for all bits that were ever stored, so that an exchange from a value that was
/// read compares with the very bits that were there.
pub(crate) trait Pack: Copy {
    fn pack(self) -> u64;
    fn unpack(bits: u64) -> Self;
}

/// A plain number.
impl Pack for u64 {
    #[inline(always)]
    fn pack(self) -> u64 {
        self
    }

    #[inline(always)]
    fn unpack(bits: u64) -> u64 {
        bits
    }
}

/// Fields side by side in a word, from the low end: each is put in, or taken out, after the one before.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    bits: u64,
    at: u32,
}

impl Fields {
    #[inline(always)]
    pub(crate) fn of(bits: u64) -> Fields {
        Fields { bits, at: 0 }
    }

    /// With a field of that many bits, which the value must fit.
    #[inline(always)]
    #[must_use]
    pub(crate) fn put(self, width: u32, value: u64) -> Fields {
        debug_assert!(value >> width == 0, "a field holds {width} bits");
        Fields {
            bits: self.bits | value << self.at,
            at: self.at + width,
        }
    }

    #[inline(always)]
    #[must_use]
    pub(crate) fn put_flag(self, on: bool) -> Fields {
        self.put(1, u64::from(on))
    }

    #[inline(always)]
    pub(crate) fn bits(self) -> u64 {
        self.bits
    }

    #[inline(always)]
    pub(crate) fn take(&mut self, width: u32) -> u64 {
        let value = self.bits >> self.at & ((1 << width) - 1);
        self.at += width;
        value
    }

    #[inline(always)]
    pub(crate) fn take_flag(&mut self) -> bool {
        self.take(1) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_out_as_they_went_in() {
        let packed = Fields::of(0).put(3, 5).put_flag(true).put(40, 1 << 39);
        let mut fields = Fields::of(packed.bits());
        assert_eq!(fields.take(3), 5);
        assert!(fields.take_flag());
        assert_eq!((fields.take(40), fields.take(20)), (1 << 39, 0));
    }
}
