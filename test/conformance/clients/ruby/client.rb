require 'aws-sdk-core'

# Releases from before November 2023 do not know the variable of the endpoint.
sts = Aws::STS::Client.new(endpoint: ENV.fetch('AWS_ENDPOINT_URL_STS'))
$stdout.sync = true

$stdin.each_line(chomp: true) do |question|
  raise "no such question: #{question}" unless question == 'call'

  puts "ok #{sts.get_caller_identity.arn}"
rescue StandardError => e
  puts "error #{e.class}: #{e.message}".tr("\n", ' ')
end
