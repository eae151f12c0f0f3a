//! Which part of a list is wanted.

use crate::InvalidField;

/// A page: `num` counts from 0, `size` is 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    /// From 0.
    pub num: u32,
    /// Rows on a page.
    pub size: u32,
}

impl Page {
    /// The most rows on a page.
    pub const SIZE_MAX: u32 = 100;
    /// The last page that can be asked for: deeper ones would make the database count rows for nothing.
    pub const NUM_MAX: u32 = 100_000;

    /// Checks what a client asked for; the refusal names `page_num` or `page_size`.
    pub fn new(num: i64, size: i64) -> Result<Self, InvalidField> {
        let num = u32::try_from(num)
            .ok()
            .filter(|num| *num <= Self::NUM_MAX)
            .ok_or_else(|| InvalidField::new("page_num", format!("must be 0 to {}", Self::NUM_MAX)))?;
        let size = u32::try_from(size)
            .ok()
            .filter(|size| (1..=Self::SIZE_MAX).contains(size))
            .ok_or_else(|| InvalidField::new("page_size", format!("must be 1 to {}", Self::SIZE_MAX)))?;
        Ok(Self { num, size })
    }

    /// Rows before the page.
    pub fn offset(self) -> u64 {
        u64::from(self.num) * u64::from(self.size)
    }

    /// Rows on the page, at most.
    pub fn limit(self) -> u64 {
        u64::from(self.size)
    }

    /// The rows of this page out of a list that starts with the first row of all.
    pub fn cut<T>(self, rows: Vec<T>) -> Vec<T> {
        let offset = usize::try_from(self.offset()).unwrap_or(usize::MAX);
        rows.into_iter().skip(offset).take(self.size as usize).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_outside_the_limits_is_refused_by_its_field() {
        for num in [-1, i64::MAX, 100_001] {
            assert_eq!(Page::new(num, 10).unwrap_err().field, "page_num");
        }
        for size in [-1, 0, 101, i64::MAX] {
            assert_eq!(Page::new(0, size).unwrap_err().field, "page_size");
        }
    }

    #[test]
    fn a_page_starts_after_the_pages_before_it() {
        let page = Page::new(3, 20).unwrap();
        assert_eq!((page.offset(), page.limit()), (60, 20));
        assert_eq!(Page::new(1, 2).unwrap().cut(vec![1, 2, 3, 4, 5]), [3, 4]);
    }
}
