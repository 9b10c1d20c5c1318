"""Values that were written are those that fastparquet's decoder of the compact protocol reads."""

from fastparquet.cencoding import from_buffer

from fgm.store.parquet.thrift import array, binary, i32, i64, struct

NUMBERS = [0, 1, -1, 63, 64, -64, -65, 127, 128, 2**31 - 1, -(2**31)]


def test_integers_of_both_signs_and_sizes_are_read_back() -> None:
    for number in [*NUMBERS, 2**53, -(2**53), 2**63 - 1, -(2**63)]:
        facts = from_buffer(struct({3: i64(number)}).data, "FileMetaData")
        assert facts.num_rows == number
    for number in NUMBERS:
        assert from_buffer(struct({1: i32(number)}).data, "FileMetaData").version == number


def test_lists_and_texts_of_any_length_are_read_back() -> None:
    for size in (1, 14, 15, 16, 127, 128, 300):
        text = "é" * size
        pairs = [struct({1: binary(f"key {i}"), 2: binary(text)}) for i in range(size)]
        facts = from_buffer(struct({1: i32(1), 5: array(pairs)}).data, "FileMetaData")

        assert [(pair.key, pair.value) for pair in facts.key_value_metadata] == [
            (f"key {i}".encode(), text.encode()) for i in range(size)
        ]
