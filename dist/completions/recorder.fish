# Completion of recorder(1) for fish. What may stand where, the program itself tells.

function __recorder_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct | string unescape 2>/dev/null; or commandline -ct | string trim -l -c "'\"")
    for line in ($words[1] complete -- $words[2..-1] "$word" 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path "$word"
            case :folder
                __fish_complete_directories "$word"
            case '*'
                echo $line
        end
    end
end

complete -c recorder -f -a '(__recorder_complete)'
