"""Services of AWS that are not here say so, in the words that their clients read."""

import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    "service, operation, arguments",
    [
        ("dynamodb", "list_tables", {}),
        ("kinesis", "list_streams", {}),
        ("cloudformation", "list_stacks", {}),
        ("rds", "describe_db_instances", {}),
        ("cloudwatch", "list_metrics", {}),
        ("apigateway", "get_rest_apis", {}),
        ("route53", "list_hosted_zones", {}),
        ("eks", "list_clusters", {}),
        ("secretsmanager", "list_secrets", {}),
    ],
)
def test_a_service_that_is_not_here_says_so(server, service, operation, arguments):
    with pytest.raises(ClientError) as raised:
        getattr(server.client(service), operation)(**arguments)
    answer = raised.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert answer["Error"]["Code"] == "NotImplemented"
    assert "does not have the service" in answer["Error"]["Message"]
