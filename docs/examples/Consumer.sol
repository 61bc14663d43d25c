// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title The part of a published model's interface that this example asks
/// @dev All of it, with what each function does, is in contracts/interfaces/IModel.vyi.
interface IModel {
    function class_count() external view returns (uint256);

    function predict(bytes calldata x) external view returns (uint256);

    function scores(bytes calldata x) external view returns (int256[] memory);
}

/// @title Consumer: a contract in Solidity that decides by a model's prediction
/// @notice Anyone may ask it to let a sample pass. It does where the model answers with one class, by a lead of its own choice.
/// @dev The sample is made off chain by the model's encoder, and nobody can check on chain that it stands for anything.
///      Whoever pays the deposit can move the model: a contract for which a wrong answer is dear needs somebody who can
///      overrule it, as contracts/examples/MessageBoard.vy has.
contract Consumer {
    /// @notice The model that is asked.
    IModel public immutable model;

    /// @notice The class whose samples pass.
    uint256 public immutable wanted;

    /// @notice By how much its score has to be above each other one, in the model's units.
    int256 public immutable lead;

    /// @notice How many samples each account has brought through.
    mapping(address => uint256) public passed;

    event Passed(address indexed sender, bytes32 indexed sample);

    error NoSuchClass(uint256 wanted, uint256 count);
    error Refused(uint256 predicted);

    constructor(IModel model_, uint256 wanted_, int256 lead_) {
        uint256 count = model_.class_count();
        if (wanted_ >= count) revert NoSuchClass(wanted_, count);
        model = model_;
        wanted = wanted_;
        lead = lead_;
    }

    /// @notice Whether a sample would pass. What is malformed reverts with the model's message.
    function passes(bytes calldata x) public view returns (bool) {
        int256[] memory scores = model.scores(x);
        for (uint256 y = 0; y < scores.length; ++y) {
            if (y != wanted && scores[wanted] - scores[y] <= lead) return false;
        }
        return true;
    }

    /// @notice Bring a sample through, or revert.
    function submit(bytes calldata x) external {
        if (!passes(x)) revert Refused(model.predict(x));
        ++passed[msg.sender];
        emit Passed(msg.sender, keccak256(x));
    }
}
