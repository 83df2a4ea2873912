"""Listing objects: order, prefixes, delimiters, pages, encoding."""

import pytest

KEYS = ["a", "a/1", "a/2", "a/b/3", "b", "photos/2006/jan.jpg", "photos/2006/feb.jpg", "photos/2007/mar.jpg", "z z", "é"]


@pytest.fixture(scope="module")
def filled(s3):
    s3.create_bucket(Bucket="filled")
    for key in KEYS:
        s3.put_object(Bucket="filled", Key=key, Body=b"x")
    return "filled"


def keys(page):
    return [found["Key"] for found in page.get("Contents", [])]


def prefixes(page):
    return [found["Prefix"] for found in page.get("CommonPrefixes", [])]


def test_keys_are_listed_in_the_order_of_their_bytes(s3, filled):
    listed = s3.list_objects_v2(Bucket=filled)
    assert keys(listed) == sorted(KEYS, key=str.encode)
    assert (listed["KeyCount"], listed["IsTruncated"], listed["MaxKeys"], listed["Name"]) == (len(KEYS), False, 1000, filled)


def test_an_entry_has_size_and_etag(s3, filled):
    entry = s3.list_objects_v2(Bucket=filled, MaxKeys=1)["Contents"][0]
    assert (entry["Size"], entry["ETag"], entry["StorageClass"]) == (1, '"9dd4e461268c8034f5c8564e155c67a6"', "STANDARD")
    assert "Owner" not in entry
    assert "ID" in s3.list_objects_v2(Bucket=filled, MaxKeys=1, FetchOwner=True)["Contents"][0]["Owner"]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_a_delimiter_groups_keys_by_common_prefixes(s3, filled, operation):
    listed = getattr(s3, operation)(Bucket=filled, Delimiter="/")
    assert (keys(listed), prefixes(listed)) == (["a", "b", "z z", "é"], ["a/", "photos/"])
    listed = getattr(s3, operation)(Bucket=filled, Delimiter="/", Prefix="photos/")
    assert (keys(listed), prefixes(listed)) == ([], ["photos/2006/", "photos/2007/"])
    listed = getattr(s3, operation)(Bucket=filled, Delimiter="20")
    assert prefixes(listed) == ["photos/20"]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_pages_of_any_size_have_every_key_once(s3, filled, operation, size):
    found, common = [], []
    for page in s3.get_paginator(operation).paginate(Bucket=filled, Delimiter="/", PaginationConfig={"PageSize": size}):
        assert len(keys(page)) + len(prefixes(page)) <= size
        found += keys(page)
        common += prefixes(page)
    assert (found, common) == (["a", "b", "z z", "é"], ["a/", "photos/"])


def test_listing_starts_after_a_key(s3, filled):
    assert keys(s3.list_objects_v2(Bucket=filled, StartAfter="photos/2006/jan.jpg")) == ["photos/2007/mar.jpg", "z z", "é"]
    assert keys(s3.list_objects(Bucket=filled, Marker="z")) == ["z z", "é"]


def test_a_page_of_zero_keys_is_empty(s3, filled):
    listed = s3.list_objects_v2(Bucket=filled, MaxKeys=0)
    assert (listed["KeyCount"], listed["IsTruncated"]) == (0, False)


def test_keys_are_url_encoded_on_request(server, filled):
    text = server.signed("GET", f"/{filled}?encoding-type=url&list-type=2&prefix=z%20").text
    assert "<Key>z+z</Key>" in text
    assert "<EncodingType>url</EncodingType>" in text
    assert "<Key>z z</Key>" in server.signed("GET", f"/{filled}?list-type=2&prefix=z%20").text


@pytest.mark.parametrize(
    "query, name",
    [
        ("max-keys=many", "max-keys"),
        ("max-keys=-1", "maxKeys"),
        ("list-type=2&continuation-token=nonsense", "continuation-token"),
        ("list-type=2&marker=a", "marker"),
        ("start-after=a", "start-after"),
        ("encoding-type=base64", "encoding-type"),
    ],
)
def test_the_error_for_an_invalid_argument_names_it(server, filled, query, name):
    answer = server.signed("GET", f"/{filled}?{query}")
    assert answer.status == 400
    assert "<Code>InvalidArgument</Code>" in answer.text
    assert f"<ArgumentName>{name}</ArgumentName>" in answer.text


def test_more_than_a_thousand_keys_need_a_second_page(s3, bucket):
    for number in range(1005):
        s3.put_object(Bucket=bucket, Key=f"{number:04}")
    pages = [keys(page) for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)]
    assert [len(page) for page in pages] == [1000, 5]
    assert sum(pages, []) == [f"{number:04}" for number in range(1005)]
