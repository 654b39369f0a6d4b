"""What a Python program does with the database, with an unmodified boto3.

botocore checks the CRC32 of every answer itself and retries on a mismatch; retries are off here, so
a wrong checksum is a failure. The endpoint comes in AWS_ENDPOINT_URL, as in any program.
"""

import sys
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.config import Config
from botocore.exceptions import ClientError

import shapes

CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
CHECKS = 0


def check(what, actual, expected):
    """Counts a comparison and ends the program if it fails."""
    global CHECKS
    CHECKS += 1
    if actual != expected:
        sys.exit(f"{what}:\n  expected {expected!r}\n  answered {actual!r}")


def refused(what, code, message, call, **parameters):
    """Checks that a call is refused with this error and text."""
    try:
        answer = call(**parameters)
    except ClientError as error:
        details = error.response["Error"]
        check(what, (details["Code"], details["Message"]), (code, message))
    else:
        sys.exit(f"{what}: expected {code}, answered {answer!r}")


def tables(client):
    """Creates, describes, lists; waits as programs do."""
    created = client.create_table(
        TableName="Music",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "Artist", "AttributeType": "S"},
            {"AttributeName": "Year", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "Artist", "KeyType": "HASH"},
            {"AttributeName": "Year", "KeyType": "RANGE"},
        ],
    )["TableDescription"]
    check("status at once", created["TableStatus"], "CREATING")
    client.get_waiter("table_exists").wait(TableName="Music", WaiterConfig={"Delay": 1})
    described = client.describe_table(TableName="Music")["Table"]
    check("status after the waiter", described["TableStatus"], "ACTIVE")
    check("id", described["TableId"], created["TableId"])
    check("creation", described["CreationDateTime"], created["CreationDateTime"])
    check("key", described["KeySchema"], created["KeySchema"])
    names = client.get_paginator("list_tables").paginate().build_full_result()
    check("names", names["TableNames"], ["Music"])


def items(resource):
    """Stores and reads items through the resource interface, which converts types."""
    table = resource.Table("Music")
    song = {
        "Artist": "Nina Simone",
        "Year": Decimal(1965),
        "Title": "Feeling Good ♪",
        "Exact": Decimal("1.2345678901234567890123456789012345678"),
        "Cover": Binary(bytes(range(256))),
        "Live": False,
        "Label": None,
        "Tags": {"jazz", "soul"},
        "Charts": {Decimal(1), Decimal("40.5")},
        "Prints": {Binary(b"\x00"), Binary(b"\xff")},
        "Credits": [{"role": "voice", "takes": [Decimal(1), Decimal(2)]}, []],
        "Empty": "",
    }
    answer = table.put_item(Item=song, ReturnConsumedCapacity="TOTAL")
    consumed = answer["ConsumedCapacity"]
    check("capacity of a write", consumed, {"TableName": "Music", "CapacityUnits": 1.0})
    key = {"Artist": "Nina Simone", "Year": 1965}
    check("item", table.get_item(Key=key, ConsistentRead=True)["Item"], song)
    check("item, eventually", table.get_item(Key=key)["Item"], song)
    missing = table.get_item(Key={"Artist": "Nina Simone", "Year": 1966})
    check("missing item", "Item" in missing, False)

    newer = {**key, "Title": "Sinnerman"}
    answer = table.put_item(Item=newer, ReturnValues="ALL_OLD")
    check("replaced item", answer["Attributes"], song)
    check("item after", table.get_item(Key=key, ConsistentRead=True)["Item"], newer)
    # Over 4 KB the answer may be compressed, and its checksum is one of the compressed bytes.
    large = {**key, "Lyrics": "la " * 100_000}
    table.put_item(Item=large)
    check("large item", table.get_item(Key=key)["Item"], large)


def updates(client, resource):
    """Changes an item through both interfaces."""
    table = resource.Table("Music")
    key = {"Artist": "Nina Simone", "Year": 1965}
    table.put_item(Item={**key, "Title": "Feeling Good", "Label": None, "Stats": {"plays": 41}})
    answer = table.update_item(
        Key=key,
        UpdateExpression="SET Title = :title, #stats.plays = #stats.plays + :one,"
        " Takes = list_append(:takes, :takes) ADD Sold :sold, Tags :tags REMOVE Label",
        ExpressionAttributeNames={"#stats": "Stats"},
        ExpressionAttributeValues={
            ":title": "Sinnerman",
            ":one": 1,
            ":takes": [1, 2],
            ":sold": Decimal("1.5"),
            ":tags": {"jazz", "soul"},
        },
        ReturnValues="ALL_NEW",
    )
    newer = {
        **key,
        "Title": "Sinnerman",
        "Stats": {"plays": 42},
        "Takes": [1, 2, 1, 2],
        "Sold": Decimal("1.5"),
        "Tags": {"jazz", "soul"},
    }
    check("updated item", answer["Attributes"], newer)
    check("item after", table.get_item(Key=key, ConsistentRead=True)["Item"], newer)

    answer = client.update_item(
        TableName="Music",
        Key={"Artist": {"S": "Nina Simone"}, "Year": {"N": "1965"}},
        UpdateExpression="SET Sold = if_not_exists(Sold, :none) + :more DELETE Tags :tags",
        ExpressionAttributeValues={":none": {"N": "0"}, ":more": {"N": "2"}, ":tags": {"SS": ["soul"]}},
        ReturnValues="UPDATED_NEW",
    )
    check("updated parts", answer["Attributes"], {"Sold": {"N": "3.5"}, "Tags": {"SS": ["jazz"]}})
    other = {"Artist": "Nina Simone", "Year": 1959}
    old = table.update_item(
        Key=other,
        UpdateExpression="ADD Sold :one",
        ExpressionAttributeValues={":one": 1},
        ReturnValues="ALL_OLD",
    )
    check("what was not there", "Attributes" in old, False)
    created = table.delete_item(Key=other, ReturnValues="ALL_OLD")["Attributes"]
    check("created by an update", created, {**other, "Sold": 1})

    projected = table.get_item(Key=key, ProjectionExpression="Title, Takes[1], Stats.plays")["Item"]
    check("projection", projected, {"Title": "Sinnerman", "Takes": [2], "Stats": {"plays": 42}})
    asked = {
        "Music": {
            "Keys": [key],
            "ProjectionExpression": "#year, Takes[3]",
            "ExpressionAttributeNames": {"#year": "Year"},
        }
    }
    answer = resource.batch_get_item(RequestItems=asked)["Responses"]["Music"]
    check("projection of a batch", answer, [{"Year": 1965, "Takes": [2]}])


def conditions(client, resource):
    """Writes under conditions, which boto3 can also build from objects."""
    table = resource.Table("Music")
    key = {"Artist": "Nina Simone", "Year": 1965}
    stored = table.get_item(Key=key, ConsistentRead=True)["Item"]
    failed = "ConditionalCheckFailedException"
    text = "The conditional request failed"
    refused(
        "occupied",
        failed,
        text,
        table.put_item,
        Item=key,
        ConditionExpression=Attr("Artist").not_exists(),
    )
    refused(
        "too rarely played",
        failed,
        text,
        table.delete_item,
        Key=key,
        ConditionExpression=Attr("Stats.plays").between(50, 100) & Attr("Tags").contains("jazz"),
    )
    try:
        client.update_item(
            TableName="Music",
            Key={"Artist": {"S": "Nina Simone"}, "Year": {"N": "1965"}},
            UpdateExpression="REMOVE Title",
            ConditionExpression="Title IN (:one, :other) OR size(Takes) > :four",
            ExpressionAttributeValues={":one": {"S": "one"}, ":other": {"S": "other"}, ":four": {"N": "4"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except client.exceptions.ConditionalCheckFailedException as error:
        check("title of the item that failed", error.response["Item"]["Title"], {"S": "Sinnerman"})
        check("all of it", len(error.response["Item"]), len(stored))
    else:
        sys.exit("an update whose condition is false was done")
    check("untouched", table.get_item(Key=key, ConsistentRead=True)["Item"], stored)

    condition = Attr("Title").begins_with("Sinner") & ~Attr("Stats.plays").lt(42) & Attr("Sold").exists()
    old = table.delete_item(Key=key, ConditionExpression=condition, ReturnValues="ALL_OLD")
    check("deleted under a condition", old["Attributes"], stored)
    table.put_item(Item=key, ConditionExpression="attribute_not_exists(Artist)")


def many_items(client, resource):
    """Writes, reads and deletes in batches, and scans, as the interfaces of boto3 do it."""
    table = resource.Table("Music")
    before = table.scan(Select="COUNT")["Count"]
    songs = [{"Artist": f"Artist {number % 7}", "Year": Decimal(number)} for number in range(120)]
    with table.batch_writer() as batch:
        for song in songs:
            batch.put_item(Item=song)
    check("scan", table.scan(Select="COUNT")["Count"], before + 120)

    pages = client.get_paginator("scan").paginate(
        TableName="Music", PaginationConfig={"PageSize": 50}
    )
    counts = [len(page["Items"]) for page in pages]
    check("pages", counts[:2] + [sum(counts)], [50, 50, before + 120])
    halves = [table.scan(Segment=half, TotalSegments=2)["Items"] for half in range(2)]
    check("segments", len(halves[0]) + len(halves[1]), before + 120)

    keys = [{"Artist": song["Artist"], "Year": song["Year"]} for song in songs[:100]]
    asked = {"Music": {"Keys": keys, "ConsistentRead": True}}
    answer = resource.batch_get_item(RequestItems=asked)
    by_year = sorted(answer["Responses"]["Music"], key=lambda song: song["Year"])
    check("batch", by_year, songs[:100])
    check("unprocessed", answer["UnprocessedKeys"], {})

    old = table.delete_item(Key=keys[0], ReturnValues="ALL_OLD")["Attributes"]
    check("deleted item", old, songs[0])
    check("deleted again", "Attributes" in table.delete_item(Key=keys[0]), False)
    with table.batch_writer() as batch:
        for song in songs:
            batch.delete_item(Key={"Artist": song["Artist"], "Year": song["Year"]})
    check("scan after", table.scan(Select="COUNT")["Count"], before)


def queries(client, resource):
    """Queries a table and its local index, with the conditions that boto3 builds."""
    client.create_table(
        TableName="Shows",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "Artist", "AttributeType": "S"},
            {"AttributeName": "City", "AttributeType": "S"},
            {"AttributeName": "Seats", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "Artist", "KeyType": "HASH"},
            {"AttributeName": "City", "KeyType": "RANGE"},
        ],
        LocalSecondaryIndexes=[
            {
                "IndexName": "by-seats",
                "KeySchema": [
                    {"AttributeName": "Artist", "KeyType": "HASH"},
                    {"AttributeName": "Seats", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    client.get_waiter("table_exists").wait(TableName="Shows", WaiterConfig={"Delay": 1})
    table = resource.Table("Shows")
    seats = {"Bern": 900, "Basel": 1500, "Brig": 40, "Zug": None}
    for city, count in seats.items():
        show = {"Artist": "A", "City": city, "Date": "2026-11-21", "Seats": count}
        table.put_item(Item={name: value for name, value in show.items() if value is not None})

    def cities(**query):
        return [show["City"] for show in table.query(**query)["Items"]]

    artist = Key("Artist").eq("A")
    check("query", cities(KeyConditionExpression=artist), ["Basel", "Bern", "Brig", "Zug"])
    found = cities(KeyConditionExpression=artist & Key("City").begins_with("Ba"))
    check("beginning", found, ["Basel"])
    found = cities(KeyConditionExpression=artist, ScanIndexForward=False, Limit=2)
    check("backwards", found, ["Zug", "Brig"])
    found = cities(KeyConditionExpression=artist, IndexName="by-seats")
    check("index", found, ["Brig", "Bern", "Basel"])
    large = artist & Key("Seats").between(100, 2000)
    found = cities(KeyConditionExpression=large, IndexName="by-seats", ConsistentRead=True)
    check("range of an index", found, ["Bern", "Basel"])
    answer = table.query(
        KeyConditionExpression=large, IndexName="by-seats", Select="ALL_ATTRIBUTES"
    )
    check("fetched", {show["Date"] for show in answer["Items"]}, {"2026-11-21"})
    paginator = client.get_paginator("query").paginate(
        TableName="Shows",
        IndexName="by-seats",
        KeyConditionExpression="Artist = :a",
        ExpressionAttributeValues={":a": {"S": "A"}},
        PaginationConfig={"PageSize": 2},
    )
    check("pages of an index", [page["Count"] for page in paginator], [2, 1])
    table.delete()
    client.get_waiter("table_not_exists").wait(TableName="Shows", WaiterConfig={"Delay": 1})


def refusals(client):
    """The errors that programs branch on."""
    refused(
        "table twice",
        "ResourceInUseException",
        "Table already exists: Music",
        client.create_table,
        TableName="Music",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "Artist", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Artist", "KeyType": "HASH"}],
    )
    refused(
        "item without its key",
        "ValidationException",
        "One or more parameter values were invalid: Missing the key Year in the item",
        client.put_item,
        TableName="Music",
        Item={"Artist": {"S": "Nobody"}},
    )
    refused(
        "half a key",
        "ValidationException",
        "The provided key element does not match the schema",
        client.get_item,
        TableName="Music",
        Key={"Artist": {"S": "Nobody"}},
    )
    refused(
        "no such table",
        "ResourceNotFoundException",
        "Requested resource not found",
        client.get_item,
        TableName="Missing",
        Key={"Artist": {"S": "Nobody"}},
    )
    try:
        client.create_table(
            TableName="Music",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "Artist", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "Artist", "KeyType": "HASH"}],
        )
    except client.exceptions.ResourceInUseException:
        check("typed exception", True, True)


def settings(client):
    """Changes a table that serves, tags it, and asks what it has; waits as programs do."""
    arn = client.describe_table(TableName="Music")["Table"]["TableArn"]
    changed = client.update_table(
        TableName="Music",
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
    )["TableDescription"]
    check("status at once", changed["TableStatus"], "UPDATING")
    client.get_waiter("table_exists").wait(TableName="Music", WaiterConfig={"Delay": 1})
    table = client.describe_table(TableName="Music")["Table"]
    check("mode", table["BillingModeSummary"]["BillingMode"], "PROVISIONED")
    check("units", table["ProvisionedThroughput"]["WriteCapacityUnits"], 6)
    refused(
        "units that do not change",
        "ValidationException",
        "The provisioned throughput for the table will not change. The requested value equals the "
        "current value. Current ReadCapacityUnits provisioned for the table: 5. Requested "
        "ReadCapacityUnits: 5. Current WriteCapacityUnits provisioned for the table: 6. Requested "
        "WriteCapacityUnits: 6. Refer to the Amazon DynamoDB Developer Guide for current limits "
        "and how to request higher limits.",
        client.update_table,
        TableName="Music",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
    )
    back = client.update_table(TableName=arn, BillingMode="PAY_PER_REQUEST")["TableDescription"]
    check("mode", back["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")

    tags = [{"Key": "cost center", "Value": ""}, {"Key": "team", "Value": "music"}]
    client.tag_resource(ResourceArn=arn, Tags=tags)
    pages = client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    listed = [tag for page in pages for tag in page["Tags"]]
    check("tags", sorted(listed, key=lambda tag: tag["Key"]), tags)
    client.untag_resource(ResourceArn=arn, TagKeys=["team"])
    check("tags left", client.list_tags_of_resource(ResourceArn=arn)["Tags"], tags[:1])

    expiry = client.describe_time_to_live(TableName="Music")["TimeToLiveDescription"]
    check("time to live", expiry, {"TimeToLiveStatus": "DISABLED"})
    backups = client.describe_continuous_backups(TableName="Music")["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    check("recovery", recovery, "DISABLED")
    check("limits", client.describe_limits()["TableMaxReadCapacityUnits"], 40000)
    address = client.describe_endpoints()["Endpoints"][0]["Address"]
    check("endpoint", f"http://{address}", client.meta.endpoint_url)


def deletion(client):
    """Deletes the table and waits as programs do."""
    deleted = client.delete_table(TableName="Music")["TableDescription"]
    check("status at once", deleted["TableStatus"], "DELETING")
    client.get_waiter("table_not_exists").wait(TableName="Music", WaiterConfig={"Delay": 1})
    check("names", client.list_tables()["TableNames"], [])


def main():
    client = boto3.client("dynamodb", config=CONFIG)
    resource = boto3.resource("dynamodb", config=CONFIG)
    shapes.watch(client)
    shapes.watch(resource.meta.client)
    tables(client)
    items(resource)
    updates(client, resource)
    conditions(client, resource)
    many_items(client, resource)
    queries(client, resource)
    refusals(client)
    settings(client)
    deletion(client)
    shapes.all_were_seen()
    print(f"boto3 {boto3.__version__}: {CHECKS} checks passed")


main()
