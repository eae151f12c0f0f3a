# shellcheck shell=bash disable=SC2154
# s3: an S3 server that checks signatures (s3s-fs), with one bucket; objects are plain files below its folder. For tests: it
# makes no promise about power cuts, and takes its secret on the command line.
version=0.14.1
binary=$PWD/.cache/cargo/bin/s3s-fs
key=fanone
bucket=fanone

needs() { echo curl curl; }
nodes() { echo ". $((base + 900))"; }

program() { cargo_install s3s-fs "$version" "$binary" --features binary; }

start() {
  mkdir -p "$(buckets)/$bucket"
  launch . "$binary" --host 127.0.0.1 --port "$(first_port .)" --access-key "$key" --secret-key "$(password s3)" "$(buckets)"
}

buckets() { echo "$(node_dir .)/data"; }

# A signed request. The secret goes by curl's input.
ready() {
  curl --silent --fail --max-time 5 --config - >/dev/null <<E
user = "$key:$(password s3)"
aws-sigv4 = "aws:amz:us-east-1:s3"
header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"
url = "http://127.0.0.1:$(first_port .)/$bucket?list-type=2&max-keys=1"
E
}

url() { echo "s3://$key:$(password s3)@$bucket?endpoint=http://127.0.0.1:$(first_port .)"; }

describe() { say "  a site on it: FANONE_MEDIA__URL=\$(sed -n s/^FANONE_TEST_S3=//p $folder/env) fanone"; }

env_lines() {
  echo "FANONE_TEST_S3=$(url)"
  echo "FANONE_TEST_S3_FOLDER=$(buckets)/$bucket"
}
