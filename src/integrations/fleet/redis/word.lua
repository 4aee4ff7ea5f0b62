-- Sets an operator's word on a breaker, with a version above the one before. Returns the version.
--
-- KEYS: the words. ARGV: 1 the breaker's name, 2 for how long, in ms or empty, 3 the rest of the word's JSON, 4 the channel.

local DAY = 86400000
local LAST = 2 ^ 52 -- versions above are read by no instance: the next numbers are not exact in Lua
local HEAD = '^{"version":(%d+),"until":(%w+),"mode":"([%w_]+)"' -- so this crate writes it
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function int(number)
  return string.format('%.0f', number)
end

-- A release goes before a word on all as long as that holds.
local on_all = ARGV[1] == '*' and ARGV[2] ~= '0' and not string.find(ARGV[3], '^"mode":"release"')
local version, ended, released = now, {}, {}
local words = call('HGETALL', KEYS[1])
for i = 1, #words, 2 do
  local name = words[i]
  local said, ends, mode = string.match(words[i + 1], HEAD)
  said, ends = tonumber(said), tonumber(ends)
  if said and said <= LAST then
    if name == ARGV[1] then
      version = math.max(now, said + 1)
    else
      if name == '*' then
        on_all = mode ~= 'release' and not (ends and ends <= now)
      end
      if ends and ends + DAY < now then
        ended[#ended + 1] = name
      elseif not ends and mode == 'release' and said + 30 * DAY < now then
        released[#released + 1] = name
      end
    end
  end
end
if version > LAST then
  return redis.error_reply('ERR user_script: the word before has the last version that there is')
end

local ends = ARGV[2] == '' and 'null' or int(now + ARGV[2])
call('HSET', KEYS[1], ARGV[1], '{"version":' .. int(version) .. ',"until":' .. ends .. ',' .. ARGV[3])
-- of no use any more, to any instance: the names of breakers may be many
for _, names in ipairs({ ended, on_all and {} or released }) do
  for _, name in ipairs(names) do
    call('HDEL', KEYS[1], name)
  end
end
call('PUBLISH', ARGV[4], 'o')
return version
