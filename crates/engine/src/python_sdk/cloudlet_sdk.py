"""AWS's SDK, which every runtime of AWS has, where only another interpreter of the machine has it."""

import importlib.machinery
import os
import sys

SDK = os.environ.pop("_CLOUDLET_SDK", None)
PARTS = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None and name in PARTS:
            return importlib.machinery.PathFinder.find_spec(name, [SDK])
        return None


if SDK:
    sys.meta_path.append(Finder)
