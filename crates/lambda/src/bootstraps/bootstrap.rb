# Runs a function's handler: it takes events from the Lambda Runtime API and gives back what the handler returns.

require "json"
require "socket"

API = ENV["AWS_LAMBDA_RUNTIME_API"]
TASK = ENV["LAMBDA_TASK_ROOT"]
LAYERS = ENV.delete("_CLOUDLET_LAYERS") || "/opt"
PATH = "/2018-06-01/runtime"

$stdout.sync = true
$stderr.sync = true
$LOAD_PATH.unshift(TASK, *Dir["#{LAYERS}/ruby/lib"])
Dir["{#{TASK}/vendor/bundle,#{LAYERS}/ruby/gems}/**/gems/*/lib"].each { |folder| $LOAD_PATH << folder }

class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name, :memory_limit_in_mb,
              :function_version, :identity, :client_context, :deadline_ms

  def initialize(headers)
    @deadline_ms = headers["lambda-runtime-deadline-ms"].to_i
    @aws_request_id = headers["lambda-runtime-aws-request-id"]
    @invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
    @log_group_name = ENV["AWS_LAMBDA_LOG_GROUP_NAME"]
    @log_stream_name = ENV["AWS_LAMBDA_LOG_STREAM_NAME"]
    @function_name = ENV["AWS_LAMBDA_FUNCTION_NAME"]
    @memory_limit_in_mb = ENV["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
    @function_version = ENV["AWS_LAMBDA_FUNCTION_VERSION"]
    @identity = JSON.parse(headers["lambda-runtime-cognito-identity"]) if headers["lambda-runtime-cognito-identity"]
    @client_context = JSON.parse(headers["lambda-runtime-client-context"]) if headers["lambda-runtime-client-context"]
  end

  def get_remaining_time_in_millis
    [@deadline_ms - (Time.now.to_f * 1000).to_i, 0].max
  end
end

# One connection, which is kept.
class RuntimeClient
  Answer = Struct.new(:status, :headers, :body)

  def initialize
    host, port = API.split(":")
    @socket = TCPSocket.new(host, port.to_i)
    @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
  end

  def next_event
    call("GET", "/invocation/next")
  end

  def post(place, document, headers = {})
    call("POST", place, document.b, { "Content-Type" => "application/json" }.merge(headers))
  end

  def call(method, place, body = "".b, headers = {})
    lines = ["#{method} #{PATH}#{place} HTTP/1.1", "Host: #{API}", "Content-Length: #{body.bytesize}"]
    # Names of errors may have any characters.
    headers.each { |name, value| lines << "#{name}: #{value.gsub(/[^ -~]/, "?")}" }
    @socket.write("#{lines.join("\r\n")}\r\n\r\n".b + body)
    status = line.split[1].to_i
    fields = {}
    until (field = line).empty?
      name, value = field.split(":", 2)
      fields[name.downcase] = value.strip
    end
    Answer.new(status, fields, @socket.read(fields["content-length"].to_i).force_encoding("UTF-8"))
  end

  # The server's end ends this one too.
  def line
    (@socket.gets("\r\n") || exit!(1)).chomp.force_encoding("UTF-8")
  end

  def fail(place, error, phase)
    document = { "errorMessage" => error.message, "errorType" => "#{phase}<#{error.class}>", "stackTrace" => error.backtrace || [] }
    puts "Error raised from handler method" if phase == "Function"
    puts JSON.generate(document)
    post(place, JSON.generate(document), { "Lambda-Runtime-Function-Error-Type" => document["errorType"] })
  end
end

# `file.method` or `file.Class.method`: what it names is called with the event and its context.
def find_handler(text)
  file, *names = text.split(".")
  raise ArgumentError, "Invalid handler #{text}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD" unless [1, 2].include?(names.length)

  require File.expand_path(file, TASK)
  method = names.last
  return ->(event, context) { Object.const_get(names.first).public_send(method, event: event, context: context) } if names.length == 2

  ->(event, context) { Object.new.send(:method, method).call(event: event, context: context) }
end

client = RuntimeClient.new
begin
  handler = find_handler(ENV["_HANDLER"])
rescue Exception => error # rubocop:disable Lint/RescueException
  client.fail("/init/error", error, "Init")
  exit 1
end

loop do
  answer = client.next_event
  exit 1 unless answer.status == 200
  context = LambdaContext.new(answer.headers)
  ENV["_X_AMZN_TRACE_ID"] = answer.headers["lambda-runtime-trace-id"] if answer.headers["lambda-runtime-trace-id"]
  place = "/invocation/#{context.aws_request_id}"
  begin
    value = handler.call(JSON.parse(answer.body), context)
    # AWS: what can be read is handed over as it is.
    document = value.respond_to?(:read) ? value.read : JSON.generate(value)
    client.post("#{place}/response", document)
  rescue SystemExit
    raise
  rescue Exception => error # rubocop:disable Lint/RescueException
    client.fail("#{place}/error", error, "Function")
  end
end
